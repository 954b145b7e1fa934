// The panels, each as Grafana's own plugin of that name puts the published components together.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, outerJoinDataFrames, renderMarkdown } from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Heatmap } from './heatmap.jsx';

const REDUCE = { calcs: ['lastNotNull'], fields: '', values: false };

// By panel type: the component, and what its plugin sets of a field's configuration unless the panel does.
export const PANELS = {
  stat: { component: Stat, defaults: {} },
  bargauge: { component: Bars, defaults: {} },
  timeseries: {
    component: Graph,
    defaults: {
      axisPlacement: 'auto',
      drawStyle: 'line',
      fillOpacity: 0,
      gradientMode: 'none',
      lineInterpolation: 'linear',
      lineWidth: 1,
      pointSize: 5,
      showPoints: 'auto',
      spanNulls: false,
      stacking: { mode: 'none', group: 'A' },
    },
  },
  table: { component: Rows, defaults: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false } },
  heatmap: { component: Heatmap, defaults: {} },
  text: { component: Text, defaults: {} },
};

function Repeated({ panel, frames, theme, timeZone, width, height, orientation, sparkline, children, ...sizes }) {
  const { reduceOptions } = panel.options;
  const values = () =>
    getFieldDisplayValues({
      fieldConfig: panel.fieldConfig,
      reduceOptions: { ...REDUCE, ...reduceOptions },
      replaceVariables: (text) => text,
      theme,
      data: frames,
      sparkline,
      timeZone,
    });
  return (
    <VizRepeater
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={children}
      source={frames}
      width={width}
      height={height}
      orientation={orientation}
      itemSpacing={8}
      minVizWidth={sizes.minVizWidth}
      minVizHeight={sizes.minVizHeight}
      maxVizHeight={sizes.maxVizHeight}
    />
  );
}

function Stat(props) {
  const { graphMode = 'area', colorMode = 'value', justifyMode = 'auto', textMode = 'auto', orientation = 'auto', text } =
    props.panel.options;
  return (
    <Repeated {...props} orientation={orientation} sparkline={graphMode !== 'none'}>
      {({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          {...{ width, height, count, colorMode, graphMode, justifyMode, textMode, text, alignmentFactors }}
          value={value.display}
          sparkline={value.sparkline}
          theme={props.theme}
        />
      )}
    </Repeated>
  );
}

function Bars(props) {
  const { displayMode = 'gradient', orientation = 'auto', showUnfilled = true, valueMode, namePlacement, text } =
    props.panel.options;
  const { minVizWidth = 8, minVizHeight = 16, maxVizHeight = 300 } = props.panel.options;
  return (
    <Repeated {...props} {...{ orientation, minVizWidth, minVizHeight, maxVizHeight }}>
      {({ value, width, height, alignmentFactors, orientation: direction, count }) => (
        <BarGauge
          {...{ width, height, text, displayMode, showUnfilled, alignmentFactors, namePlacement }}
          value={count > 1 ? value.display : { ...value.display, title: undefined }}
          orientation={direction}
          field={value.field}
          display={value.display && value.view?.getFieldDisplayProcessor(value.colIndex)}
          valueDisplayMode={valueMode}
          itemSpacing={2}
          lcdCellWidth={12}
          theme={props.theme}
        />
      )}
    </Repeated>
  );
}

function Graph({ panel, frames, timeRange, timeZone, width, height }) {
  for (const field of frames.flatMap((frame) => frame.fields)) {
    field.values = field.values.map((value) => (Number.isFinite(value) ? value : null));
  }
  return (
    <TimeSeries
      frames={frames}
      structureRev={1}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
      preparePlotFrame={joined}
    />
  );
}

// As the component does it, but names are kept: colours that go by name are to be those of the legend.
function joined(frames, { x, y }) {
  return outerJoinDataFrames({ frames, joinBy: x, keep: y, keepOriginIndices: true, keepDisplayNames: true });
}

function Rows({ panel, frames, timeRange, width, height }) {
  return (
    <TableNG
      data={frames[0]}
      fieldConfig={panel.fieldConfig}
      noValue={panel.fieldConfig.defaults.noValue}
      sortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      noHeader={panel.options.showHeader === false}
      timeRange={timeRange}
      width={width}
      height={height}
      structureRev={1}
    />
  );
}

function Text({ panel }) {
  const html = panel.options.mode === 'html' ? panel.options.content : renderMarkdown(panel.options.content);
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}
