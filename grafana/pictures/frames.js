// From what Prometheus answered to what Grafana's components draw.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createDataFrame,
  FieldType,
  Registry,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

// By id: some have two names.
const TRANSFORMERS = new Map(Object.values(standardTransformers).map((transformer) => [transformer.id, transformer]));
standardTransformersRegistry.setInit(() =>
  [...TRANSFORMERS.values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation: () => Promise.resolve(transformation),
  }))
);

const STANDARD = [
  ...['displayName', 'unit', 'min', 'max', 'decimals', 'noValue', 'thresholds', 'mappings', 'color', 'links'],
  ...['description', 'filterable', 'fieldMinMax'],
];

// The data of a panel: queries read, transformed, and with the field's configuration applied.
export async function framesOf(panel, answers, theme, timeZone, customDefaults) {
  const answered = answers.flatMap((answer) => READERS[answer.target.format ?? 'time_series'](answer, answers.length));
  const frames = await lastValueFrom(transformDataFrame(transformations(panel), answered, { interpolate: (text) => text }));
  const fieldConfig = withBase({
    defaults: { ...panel.fieldConfig.defaults, custom: { ...customDefaults, ...panel.fieldConfig.defaults.custom } },
    overrides: panel.fieldConfig.overrides ?? [],
  });
  const configured = applyFieldOverrides({
    data: frames,
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig),
    replaceVariables: (text) => text,
    theme,
    timeZone,
  });
  cacheFieldDisplayNames(configured); // colours that go by name look there
  return configured;
}

function transformations(panel) {
  return (panel.transformations ?? []).map((configured) => {
    if (!TRANSFORMERS.has(configured.id)) {
      throw new Error(`no transformation is called ${configured.id}`);
    }
    return configured;
  });
}

// JSON can't write the -Infinity at which the first step begins.
function withBase(fieldConfig) {
  return JSON.parse(JSON.stringify(fieldConfig), (key, value) => {
    if (key === 'steps' && Array.isArray(value)) {
      return value.map((step) => ({ ...step, value: step.value ?? -Infinity }));
    }
    return value;
  });
}

// Every property that this panel sets, standard or of its own.
function registry({ defaults, overrides }) {
  const custom = [
    ...Object.keys(defaults.custom).map((key) => `custom.${key}`),
    ...overrides.flatMap((override) => override.properties.map(({ id }) => id)).filter((id) => id.startsWith('custom.')),
  ];
  const property = (id) => ({
    id,
    name: id,
    path: id.replace(/^custom\./, ''),
    isCustom: id.startsWith('custom.'),
    process: (value) => value,
    shouldApply: () => true,
  });
  return new Registry(() => [...STANDARD, ...new Set(custom)].map(property));
}

const READERS = { time_series: timeSeries, table, heatmap: heatmapRows };

function timeSeries({ target, step, series }) {
  return series.map(({ metric, values, value }) => {
    const points = values ? withGaps(values, step) : [value];
    return createDataFrame({
      refId: target.refId,
      fields: [
        timeField(points, step),
        {
          name: 'Value',
          type: FieldType.number,
          values: points.map(([, text]) => (text === null ? null : number(text))),
          labels: metric,
          config: { displayNameFromDS: legend(target, metric, series.length) },
        },
      ],
    });
  });
}

// Prometheus leaves steps without a sample out; a graph would draw its line across them.
function withGaps(values, step) {
  const known = new Map(values);
  const [first, last] = [values[0][0], values.at(-1)[0]];
  return Array.from({ length: (last - first) / step + 1 }, (_, index) => first + index * step).map((at) => [at, known.get(at) ?? null]);
}

function table({ target, series }, targets) {
  const rows = series.flatMap(({ metric, values, value }) => (values ?? [value]).map((point) => ({ metric, point })));
  if (!rows.length) {
    return [];
  }
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return [
    createDataFrame({
      refId: target.refId,
      fields: [
        timeField(rows.map(({ point }) => point)),
        ...labels.map((name) => ({
          name,
          type: FieldType.string,
          values: rows.map(({ metric }) => metric[name] ?? ''),
        })),
        {
          name: targets > 1 ? `Value #${target.refId}` : 'Value',
          type: FieldType.number,
          values: rows.map(({ point }) => number(point[1])),
        },
      ],
    }),
  ];
}

// One field a bucket, from the lowest; Prometheus counts each bucket into all above it.
function heatmapRows({ target, step, series }) {
  const bound = ({ metric }) => number(metric.le);
  const buckets = [...series].sort((a, b) => bound(a) - bound(b));
  const times = [...new Set(buckets.flatMap(({ values }) => values.map(([at]) => at)))].sort((a, b) => a - b);
  let below = new Map();
  const fields = buckets.map(({ metric, values }) => {
    const counts = new Map(values.map(([at, text]) => [at, number(text)]));
    const lower = below;
    below = counts;
    return {
      name: metric.le,
      type: FieldType.number,
      values: times.map((at) => (counts.has(at) ? counts.get(at) - (lower.get(at) ?? 0) : null)),
    };
  });
  return fields.length
    ? [createDataFrame({ refId: target.refId, fields: [timeField(times.map((at) => [at]), step), ...fields] })]
    : [];
}

function timeField(points, step) {
  return {
    name: 'Time',
    type: FieldType.time,
    values: points.map(([at]) => at * 1000),
    config: step ? { interval: step * 1000 } : {},
  };
}

function number(text) {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function legend(target, metric, seriesCount) {
  const format = target.legendFormat ?? '__auto';
  if (format !== '__auto' && format !== '') {
    return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  const written = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return seriesCount === 1 || !written.length ? name || target.expr : `${name}{${written.join(', ')}}`;
}
