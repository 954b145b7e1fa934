// Keeps the page as current as the exporter is: every few seconds it fetches itself, and changes what has changed.
(() => {
  'use strict';
  const EVERY = 1000 * document.documentElement.dataset.every;
  const PATIENCE = 10000, OLD = 300000; // ms
  const TOLD = [-330, 0]; // zones that the page has anyway, India's and UTC, as getTimezoneOffset has them
  const main = document.querySelector('main');
  const said = document.getElementById('said');
  const pause = document.getElementById('pause');
  const release = document.documentElement.dataset.release;
  let tag = ''; // of what is shown
  let ahead = 0; // ms that the exporter's clock is ahead of this one
  let answered = Date.now(); // when the exporter last answered
  let paused = false, timer = 0;

  const key = (node) => (node.nodeType === Node.ELEMENT_NODE && node.getAttribute('data-key')) || '';

  function keyed(parent) {
    const found = new Map();
    for (const child of parent.children) if (key(child)) found.set(key(child), child);
    return found;
  }

  // The most of these numbers that rise from one to the next.
  function rising(numbers) {
    const lengths = [], before = [];
    let last = -1;
    numbers.forEach((number, at) => {
      lengths[at] = 1;
      before[at] = -1;
      for (let each = 0; each < at; each++) {
        if (numbers[each] < number && lengths[each] >= lengths[at]) {
          lengths[at] = lengths[each] + 1;
          before[at] = each;
        }
      }
      if (last < 0 || lengths[at] > lengths[last]) last = at;
    });
    const found = new Set();
    for (; last >= 0; last = before[last]) found.add(numbers[last]);
    return found;
  }

  // Those of the children that needn't be moved for all to have the wanted order.
  function staying(old, wanted, there) {
    const places = new Map([...old.children].map((child, at) => [child, at]));
    const found = [...wanted.children].map((child) => there.get(key(child))).filter(Boolean);
    const kept = rising(found.map((child) => places.get(child)));
    return new Set(found.filter((child) => kept.has(places.get(child))));
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
    for (const child of [...old.children]) {
      if (key(child) && !(needed.has(key(child)) && there.get(key(child)) === child)) child.remove();
    }
    const stays = staying(old, wanted, there);
    let next = old.firstChild;
    const drop = () => {
      const last = next;
      next = next.nextSibling;
      last.remove();
    };
    for (const child of [...wanted.childNodes]) {
      const name = key(child);
      while (next && key(next) && !stays.has(next)) next = next.nextSibling; // its turn comes
      const alike = next && !key(next) && next.nodeName === child.nodeName ? next : null;
      const found = name ? there.get(name) : alike;
      if (!found) {
        old.insertBefore(document.importNode(child, true), next);
        continue;
      }
      there.delete(name);
      while (name && next && !stays.has(next)) { // rather than move what may have the focus
        if (key(next)) next = next.nextSibling;
        else drop();
      }
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
  const zoned = (at) => new Date(at).toLocaleTimeString('en-GB', { timeZoneName: 'short' });

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
    const text = trouble && `This page is as of ${zoned(answered)}: ${trouble}.`;
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
        if (!answer.ok) throw new Error(`the exporter answers HTTP ${answer.status}`);
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        if (!page.querySelector('main')) throw new Error('something else answers');
        if (page.documentElement.dataset.release !== release) {
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
      const told = { AbortError: 'no answer from the exporter in 10 s', TypeError: 'the exporter can\'t be reached' };
      say(told[error.name] || error.message);
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
    pause.textContent = paused ? 'Resume' : 'Pause';
    document.body.classList.toggle('paused', paused);
    if (timer > 0) {
      clearTimeout(timer);
      timer = 0;
    }
    resume();
  });
  document.addEventListener('visibilitychange', resume);
  setInterval(tick, 1000);
  tick();
  wait();
})();
