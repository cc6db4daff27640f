// Runs before the first paint, so that a dark page does not flash white. A file of its own: no inline script is needed.
/* global document, matchMedia */
(function () {
  const root = document.documentElement;
  const stored = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const scheme = stored('mantine-color-scheme-value');
  const dark = scheme === 'dark' || (scheme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  root.lang = stored('verge.language') === 'zh' ? 'zh-CN' : 'en-GB';
})();
