// A dashboard as a page: what Grafana shows above the panels in short, and the panels on its grid.
import { createTheme, dateTime, ThemeContext } from '@grafana/data';
import { GlobalStyles, Icon, PanelChrome } from '@grafana/ui';
import { Component } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { framesOf } from './frames.js';
import { PANELS } from './panels.jsx';

const CELL = 30; // pixels: a row of Grafana's grid
const GAP = 8;
const EDGE = 16;
const COLUMNS = 24;
const TIME_ZONE = 'utc';

window.draw = async (page) => {
  const theme = createTheme({ colors: { mode: 'dark' } });
  const panels = await Promise.all(
    page.dashboard.panels.map((panel) =>
      prepared(panel, page, theme).catch((error) => {
        throw new Error(`${panel.title}: ${error.message}`);
      })
    )
  );
  document.body.style.fontFamily = theme.typography.fontFamily;
  const root = createRoot(document.getElementById('page'));
  const render = (children) =>
    flushSync(() =>
      root.render(
        <ThemeContext.Provider value={theme}>
          <GlobalStyles isExtensionSidebarOpen={false} />
          {children}
        </ThemeContext.Provider>
      )
    );
  render(null); // the styles name the fonts, which graphs need before they are drawn
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 12px Inter`)));
  render(<Page page={page} panels={panels} theme={theme} />);
};

async function prepared(panel, page, theme) {
  if (panel.type === 'row') {
    return { panel };
  }
  const known = PANELS[panel.type];
  if (!known) {
    throw new Error(`this tool draws no ${panel.type}`);
  }
  const complete = { ...panel, options: panel.options ?? {}, fieldConfig: { defaults: {}, overrides: [], ...panel.fieldConfig } };
  const frames = await framesOf(complete, page.answers[panel.id], theme, TIME_ZONE, known.defaults);
  return { panel: complete, frames, component: known.component };
}

function Page({ page, panels, theme }) {
  const text = theme.colors.text;
  const timeRange = { from: dateTime(page.from * 1000), to: dateTime(page.to * 1000) };
  timeRange.raw = { from: timeRange.from, to: timeRange.to };
  const hours = (page.to - page.from) / 3600;
  const bottom = Math.max(...panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h));
  return (
    <div style={{ width: page.width, background: theme.colors.background.canvas, color: text.primary, fontSize: 14 }}>
      <header style={{ ...BAR, height: 44, borderBottom: `1px solid ${theme.colors.border.weak}`, background: theme.colors.background.primary }}>
        <Icon name="apps" size="lg" />
        <b style={{ fontWeight: 500, fontSize: 16 }}>{page.dashboard.title}</b>
        <span style={{ color: text.secondary, flex: 1 }}>
          Preview: the committed dashboard drawn from simulated calls with parts of Grafana; not a Grafana server
        </span>
      </header>
      <div style={{ ...BAR, padding: `${EDGE}px ${EDGE}px ${GAP}px`, flexWrap: 'wrap' }}>
        {page.variables.map(({ label, text: chosen }) => (
          <Chosen key={label} {...{ label, chosen, theme }} />
        ))}
        <span style={{ flex: 1 }} />
        {(page.dashboard.links ?? []).map((link) => (
          <Box key={link.title} theme={theme}>
            <Icon name="apps" size="sm" /> {link.title} <Icon name="angle-down" />
          </Box>
        ))}
        <Box theme={theme}>
          <Icon name="clock-nine" size="sm" /> Last {hours} hours <span style={{ color: text.secondary }}>UTC</span>
          <Icon name="angle-down" />
        </Box>
        <Box theme={theme}>
          <Icon name="sync" size="sm" /> {page.dashboard.refresh}
        </Box>
      </div>
      <main style={{ position: 'relative', height: bottom * (CELL + GAP) + EDGE }}>
        {panels.map((drawn) => (
          <div key={drawn.panel.id} style={place(drawn.panel.gridPos, page.width)}>
            <Drawn {...drawn} {...{ theme, timeRange }} pageWidth={page.width} />
          </div>
        ))}
      </main>
    </div>
  );
}

const BAR = { display: 'flex', alignItems: 'center', gap: 8, padding: `0 ${EDGE}px` };

function Box({ theme, children }) {
  const style = { ...BAR, gap: 6, padding: '0 8px', height: 32, borderRadius: 6, border: `1px solid ${theme.colors.border.medium}` };
  return <span style={{ ...style, background: theme.colors.background.primary }}>{children}</span>;
}

function Chosen({ label, chosen, theme }) {
  return (
    <Box theme={theme}>
      <span style={{ fontSize: 12, fontWeight: 500 }}>{label}</span>
      <span style={{ color: theme.colors.text.secondary }}>{chosen}</span>
      <Icon name="angle-down" />
    </Box>
  );
}

function place({ x, y, w, h }, pageWidth) {
  const [left, width] = [x, w].map((columns) => (columns * (pageWidth - 2 * EDGE + GAP)) / COLUMNS);
  return {
    position: 'absolute',
    left: EDGE + left,
    top: y * (CELL + GAP),
    width: width - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

function Drawn({ panel, frames, component: Shown, theme, timeRange, pageWidth }) {
  if (panel.type === 'row') {
    return (
      <h6 style={{ ...BAR, padding: 0, gap: 4, margin: 0, height: CELL, fontSize: 16, fontWeight: 500 }}>
        <Icon name={panel.collapsed ? 'angle-right' : 'angle-down'} /> {panel.title}
      </h6>
    );
  }
  const { width, height } = place(panel.gridPos, pageWidth);
  const isEmpty = !['stat', 'bargauge', 'text'].includes(panel.type) && !frames.some((frame) => frame.length);
  return (
    <PanelChrome
      {...{ width, height }}
      title={panel.title}
      description={panel.description}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      padding={panel.type === 'table' ? 'none' : 'md'}
    >
      {(innerWidth, innerHeight) => (
        <Guarded title={panel.title}>
          {isEmpty ? (
            <Empty text={panel.fieldConfig.defaults.noValue ?? 'No data'} theme={theme} />
          ) : (
            <Shown {...{ panel, frames, theme, timeRange }} timeZone={TIME_ZONE} width={innerWidth} height={innerHeight} />
          )}
        </Guarded>
      )}
    </PanelChrome>
  );
}

function Empty({ text, theme }) {
  const style = { display: 'grid', placeItems: 'center', height: '100%', color: theme.colors.text.secondary };
  return <div style={style}>{text}</div>;
}

// A panel that can't be drawn is said by its title; the others are drawn.
class Guarded extends Component {
  state = {};
  static getDerivedStateFromError = (error) => ({ error });
  componentDidCatch(error) {
    console.error(`${this.props.title}: ${error.message}`);
  }
  render() {
    return this.state.error ? String(this.state.error) : this.props.children;
  }
}
