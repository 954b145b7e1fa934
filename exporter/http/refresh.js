// Keeps the page as the exporter shows it now. What is marked data-live is brought up to date node by node, not
// replaced: scroll, focus, selection and what was typed stay. Rows keep their identity by data-key.
(() => {
  'use strict';
  const controls = document.getElementById('refresh');
  const wanted = controls.querySelector('input');
  const status = controls.querySelector('[role=status]');
  const pause = Number(controls.dataset.seconds) * 1000;
  const patience = 10000;
  let timer = 0;
  let isAsking = false;
  let lostAt = '';

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute('data-key') : null);
  const isSame = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

  function updateAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function update(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    updateAttributes(old, fresh);
    const keyed = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = keyed.get(keyOf(child)) || place;
      if (!known || !isSame(known, child)) {
        old.insertBefore(document.importNode(child, true), place);
      } else {
        if (known === place) place = place.nextSibling;
        else old.insertBefore(known, place);
        update(known, child);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }

  async function fetchPage() {
    const abort = new AbortController();
    const giveUp = setTimeout(() => abort.abort(), patience);
    try {
      const answer = await fetch(window.location.href, { cache: 'no-cache', signal: abort.signal });
      if (!answer.ok) throw new Error(`it answers ${answer.status}`);
      return new DOMParser().parseFromString(await answer.text(), 'text/html');
    } finally {
      clearTimeout(giveUp);
    }
  }

  function show(page) {
    if (!page.getElementById('refresh')) throw new Error('something else answers');
    const isNewer = ['style', 'script'].some(
      (tag) => page.querySelector(tag).textContent !== document.querySelector(tag).textContent,
    );
    if (isNewer) window.location.reload(); // the exporter was updated: nothing of this page fits
    const focused = document.activeElement;
    document.title = page.title;
    for (const part of document.querySelectorAll('[data-live]')) update(part, page.getElementById(part.id));
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  async function refresh() {
    clearTimeout(timer);
    if (isAsking || !wanted.checked || document.hidden) return;
    isAsking = true;
    try {
      show(await fetchPage());
      lostAt = '';
      say('');
    } catch (error) {
      lostAt = lostAt || new Date().toLocaleTimeString();
      const why = error instanceof TypeError || error.name === 'AbortError' ? 'no answer' : error.message;
      say(`The exporter can’t be reached since ${lostAt} (${why}); what you see is from before.`);
    }
    isAsking = false;
    timer = setTimeout(refresh, pause);
  }

  controls.querySelector('label').hidden = false;
  wanted.addEventListener('change', refresh);
  document.addEventListener('visibilitychange', refresh);
  timer = setTimeout(refresh, pause);
})();
