// What is wrong with how a page looks: elements beyond the screen's edge, small letters, and letters that stand out
// too little from what is behind them: by less than 4.5 (WCAG 2.2, 1.4.3).
(() => {
  const edge = document.documentElement.clientWidth; // innerWidth grows with what a phone has to show
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return channels(colour)[3] === 0 && element.parentElement ? behind(element.parentElement) : colour;
  };
  const luminance = (colour) => channels(colour).slice(0, 3).map((channel) => channel / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const contrast = (element) => {
    const [low, high] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const elements = [...document.body.querySelectorAll('*')];
  const lettered = elements.filter((element) => element.checkVisibility()
    && [...element.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()));
  const shown = (some) => some.map((element) => element.outerHTML.slice(0, 200));
  return {
    wide: shown(elements.filter((element) => element.getBoundingClientRect().right > edge)),
    scrolls: document.documentElement.scrollWidth > edge,
    small: shown(lettered.filter((element) => parseFloat(getComputedStyle(element).fontSize) < 14)),
    faint: shown(lettered.filter((element) => contrast(element) < 4.5)),
    lettered: lettered.length,
    ground: luminance(behind(document.body)),
  };
})()
