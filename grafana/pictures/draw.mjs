// Draws each <name>.json of PAGES into PICTURES/<name>.png: `node draw.mjs CHROMIUM PAGES PICTURES`.
import { build } from 'esbuild';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from 'puppeteer-core';
import sharp from 'sharp';

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, 'node_modules');
// Where Grafana's components look for icons and fonts, and where they are.
const ASSETS = [
  [/^\/public\/build\/img\/icons\/([\w/-]+\.svg)$/, '@grafana/ui/dist/public/img/icons/$1'],
  [/^\/public\/fonts\/inter\/Inter-Regular\.woff2$/, '@fontsource/inter/files/inter-latin-400-normal.woff2'],
  [/^\/public\/fonts\/inter\/Inter-Medium\.woff2$/, '@fontsource/inter/files/inter-latin-500-normal.woff2'],
  [/^\/public\/fonts\/roboto\/[\w-]+\.woff2$/, '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2'],
];
const HTML = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="page.css">
<style>body { margin: 0 }</style><div id="page"></div><script src="page.js"></script>`;
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2' };

const [chromium, pages, pictures] = process.argv.slice(2);
const bundle = await bundled();
const server = createServer(serve).listen(0, '127.0.0.1');
const browser = await launch({ executablePath: chromium, args: ['--no-sandbox', '--hide-scrollbars'] });
const complaints = [];
try {
  for (const file of (await readdir(pages)).filter((name) => name.endsWith('.json'))) {
    const said = await draw(join(pages, file)).catch((error) => [error.message.split('\n')[0]]);
    complaints.push(...said.map((complaint) => `${basename(file, '.json')}: ${complaint}`));
  }
} finally {
  await browser.close();
  server.close();
}
if (complaints.length) {
  console.error(complaints.join('\n'));
  process.exit(1);
}

async function draw(file) {
  const name = basename(file, '.json');
  const page = JSON.parse(await readFile(file, 'utf-8'));
  const tab = await browser.newPage();
  const said = [];
  tab.on('console', (message) => message.type() === 'error' && said.push(message.text()));
  tab.on('pageerror', (error) => said.push(error.message));
  tab.on('requestfailed', (request) => said.push(`not loaded: ${request.url()}`));
  await tab.setViewport({ width: page.width, height: 768 });
  await tab.goto(`http://127.0.0.1:${server.address().port}/`, { waitUntil: 'load' });
  await tab.evaluate((it) => window.draw(it), page);
  await tab.waitForNetworkIdle({ idleTime: 500 });
  const height = await tab.evaluate(() => document.getElementById('page').offsetHeight);
  await tab.setViewport({ width: page.width, height });
  await new Promise((resolve) => setTimeout(resolve, 500)); // what measures itself has done so
  const picture = sharp(await tab.screenshot()).png({ palette: true, colours: 256, effort: 10 }); // a third of the size
  const { size } = await picture.toFile(join(pictures, `${name}.png`));
  console.log(`${name}.png: ${page.width} × ${height}, ${Math.round(size / 1000)} kB`);
  await tab.close();
  return said;
}

async function bundled() {
  const result = await build({
    entryPoints: [join(HERE, 'page.jsx')],
    bundle: true,
    write: false,
    outdir: '/',
    jsx: 'automatic',
    loader: { '.ttf': 'empty', '.woff': 'empty' },
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  return Object.fromEntries(result.outputFiles.map(({ path, contents }) => [`/${basename(path)}`, contents]));
}

async function serve({ url }, response) {
  try {
    const content = url === '/' ? HTML : (bundle[url] ?? (await readFile(asset(url))));
    response.writeHead(200, { 'Content-Type': TYPES[url.split('.').pop()] ?? 'text/html' }).end(content);
  } catch {
    response.writeHead(404).end();
  }
}

function asset(url) {
  const [pattern, file] = ASSETS.find(([known]) => known.test(url));
  return join(MODULES, url.replace(pattern, file));
}
