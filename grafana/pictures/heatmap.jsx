// A heatmap. Grafana doesn't publish its own; axes and colours are its own, the cells are drawn here.
import { colorManipulator, formattedValueToString, getValueFormat } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder } from '@grafana/ui';
import * as schemes from 'd3-scale-chromatic';
import { useMemo } from 'react';

const BAR = 44; // the scale of colours below the cells
// Schemes that go from light to dark: on a dark page Grafana turns them.
const LIGHT_FIRST = /^(Blues|Greens|Greys|Oranges|Purples|Reds|BuGn|BuPu|GnBu|OrRd|PuBuGn|PuBu|PuRd|RdPu|YlGnBu|YlGn|YlOrBr|YlOrRd)$/;

export function Heatmap({ panel, frames, theme, timeRange, timeZone, width, height }) {
  const [time, ...buckets] = frames[0].fields;
  const colour = colours(panel.options.color ?? {}, theme);
  const most = Math.max(...buckets.flatMap((bucket) => bucket.values.filter(Number.isFinite)));
  const config = useMemo(() => build({ panel, time, buckets, most, colour, theme, timeRange, timeZone }), []);
  const showLegend = panel.options.legend?.show !== false;
  return (
    <>
      <UPlotChart
        config={config}
        data={[time.values, time.values.map(() => null)]}
        width={width}
        height={height - (showLegend ? BAR : 0)}
      />
      {showLegend && <Scale {...{ most, colour, theme }} />}
    </>
  );
}

function build({ panel, time, buckets, most, colour, theme, timeRange, timeZone }) {
  const builder = new UPlotConfigBuilder(timeZone);
  const unit = panel.options.yAxis?.unit ?? panel.fieldConfig.defaults.unit ?? 'short';
  const format = getValueFormat(unit);
  const bound = (bucket) =>
    bucket.name === '+Inf' ? '+Inf' : formattedValueToString(format(Number(bucket.name), panel.options.yAxis?.decimals));
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
  });
  builder.addScale({
    scaleKey: 'y',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, buckets.length],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme });
  builder.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    splits: () => buckets.map((_, index) => index + 1).filter((split) => (buckets.length - split) % 2 === 0 || buckets.length < 9),
    values: (_, splits) => splits.map((split) => bound(buckets[split - 1])),
    grid: { show: false },
  });
  builder.addSeries({ scaleKey: 'y', theme, pathBuilder: () => null, pointsBuilder: () => null });
  builder.addHook('draw', (plot) => {
    const step = time.config.interval;
    plot.ctx.save();
    plot.ctx.beginPath();
    plot.ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    plot.ctx.clip();
    buckets.forEach((bucket, row) => {
      const top = plot.valToPos(row + 1, 'y', true);
      const bottom = plot.valToPos(row, 'y', true);
      bucket.values.forEach((count, index) => {
        if (count > 0) {
          const left = plot.valToPos(time.values[index] - step, 'x', true);
          const right = plot.valToPos(time.values[index], 'x', true);
          plot.ctx.fillStyle = colour(count / most);
          const gap = right - left > 3 ? 1 : 0;
          plot.ctx.fillRect(left, top + 0.5, right - left - gap, bottom - top - 1);
        }
      });
    });
    plot.ctx.restore();
  });
  builder.setPrepData(([data]) => data);
  return builder;
}

// What colour a share of the fullest cell has.
function colours({ mode = 'scheme', scheme = 'Oranges', exponent = 0.5, fill = 'dark-orange', steps = 64, reverse }, theme) {
  if (mode === 'opacity') {
    const full = theme.visualization.getColorByName(fill);
    return (share) => colorManipulator.alpha(full, share ** exponent);
  }
  const interpolate = schemes[`interpolate${scheme}`];
  const turned = LIGHT_FIRST.test(scheme) !== Boolean(reverse);
  return (share) => {
    const stepped = Math.floor(Math.min(share, 0.9999) * steps) / (steps - 1);
    return interpolate(turned ? 1 - stepped : stepped);
  };
}

function Scale({ most, colour, theme }) {
  const stops = Array.from({ length: 32 }, (_, index) => colour((index + 1) / 32)).join(',');
  return (
    <div style={{ width: 300, padding: '10px 8px 0 40px', fontSize: 11, color: theme.colors.text.primary }}>
      <div style={{ height: 10, borderRadius: 2, background: `linear-gradient(90deg, ${stops})` }} />
      <div style={{ display: 'flex', justifyContent: 'space-between' }}>
        <span>0</span>
        <span>{Math.round(most * 10) / 10}</span>
      </div>
    </div>
  );
}
