// Keeps the page as current as the exporter is: every few seconds it fetches itself, and changes what has changed.
(() => {
  'use strict';
  const EVERY = 1000 * document.documentElement.dataset.every;
  const PATIENCE = 10000, OLD = 300000; // ms
  const TOLD = [-330, 0]; // zones that the page has anyway, India's and UTC, as getTimezoneOffset has them
  const main = document.querySelector('main');
  const said = document.getElementById('said');
  const pause = document.getElementById('pause');
  const release = own(document);
  let tag = ''; // of what is shown
  let ahead = 0; // ms that the exporter's clock is ahead of this one
  let answered = Date.now(); // when the exporter last answered
  let paused = false, timer = 0;

  // What the page brings beside its content: another release of the exporter has another.
  function own(page) {
    return [...page.querySelectorAll('style, script')].map((each) => each.textContent).join();
  }

  const key = (node) => (node.nodeType === Node.ELEMENT_NODE && node.getAttribute('data-key')) || '';

  function keyed(parent) {
    const found = new Map();
    for (const child of parent.children) if (key(child)) found.set(key(child), child);
    return found;
  }

  // Makes a node like another, and leaves alone what is the same: scroll, focus and selection stay.
  function become(old, wanted) {
    if (old.isEqualNode(wanted) || (old.hasAttribute && old.hasAttribute('data-keep'))) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== wanted.nodeValue) old.nodeValue = wanted.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of [...wanted.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const needed = keyed(wanted), there = keyed(old);
    for (const [name, child] of there) if (!needed.has(name)) child.remove();
    let next = old.firstChild;
    const drop = () => {
      const last = next;
      next = next.nextSibling;
      last.remove();
    };
    for (const child of [...wanted.childNodes]) {
      const name = key(child);
      const alike = next && !key(next) && next.nodeName === child.nodeName ? next : null;
      const found = name ? there.get(name) : alike;
      if (!found) {
        old.insertBefore(document.importNode(child, true), next);
        continue;
      }
      there.delete(name);
      while (name && next && !key(next)) drop(); // rather than move what may have the focus
      if (found === next) next = next.nextSibling;
      else old.insertBefore(found, next);
      become(found, child);
    }
    while (next) drop();
  }

  function age(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
  }

  const clock = (at) => new Date(at).toTimeString().slice(0, 8);

  function tick() {
    const now = Date.now() + ahead;
    for (const each of document.querySelectorAll('.age')) {
      const at = Date.parse(each.getAttribute('data-of'));
      const abroad = each.hasAttribute('data-zone') && !TOLD.includes(new Date(at).getTimezoneOffset());
      const text = `, ${abroad ? `${clock(at)} here, ` : ''}${age(now - at)}`;
      if (each.textContent !== text) each.textContent = text;
    }
    document.body.classList.toggle('gone', !paused && Date.now() - answered > OLD);
  }

  function say(trouble) {
    const text = trouble && `No answer from the exporter since ${clock(answered)} (${trouble}): this page is as of then.`;
    if (said.textContent !== text) said.textContent = text;
    document.body.classList.toggle('lost', Boolean(trouble));
  }

  async function ask() {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const headers = tag ? { 'If-None-Match': tag } : {};
      const url = location.origin + location.pathname + location.search;
      const answer = await fetch(url, { headers, cache: 'no-store', signal: stop.signal });
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        if (!page.querySelector('main')) throw new Error('another page');
        if (own(page) !== release) {
          location.reload();
          return;
        }
        tag = answer.headers.get('ETag') || '';
        become(main, page.querySelector('main'));
        document.title = page.title;
      }
      const date = Date.parse(answer.headers.get('Date'));
      if (date) ahead = date - Date.now();
      answered = Date.now();
      say('');
    } catch (error) {
      say({ AbortError: 'none in 10 s', TypeError: 'it can\'t be reached' }[error.name] || error.message);
    }
    clearTimeout(late);
    tick();
  }

  async function go() {
    clearTimeout(timer);
    timer = -1; // one at a time
    await ask();
    timer = 0;
    wait();
  }

  function wait() {
    if (timer === 0 && !paused && !document.hidden) timer = setTimeout(go, EVERY);
  }

  function resume() {
    if (timer > 0) clearTimeout(timer);
    if (timer >= 0 && !paused && !document.hidden) go();
  }

  pause.hidden = false;
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (timer > 0) clearTimeout(timer);
    if (timer > 0) timer = 0;
    resume();
  });
  document.addEventListener('visibilitychange', resume);
  setInterval(tick, 1000);
  tick();
  wait();
})();
