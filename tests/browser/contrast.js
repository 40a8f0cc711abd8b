// Returns every visible text whose contrast to its ground is below WCAG 2.2 AA: 4.5 : 1, or 3 : 1 for large text.
const channels = (color) => color.match(/[\d.]+/g).map(Number);

function luminance([red, green, blue]) {
  const linear = [red, green, blue].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function groundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const color = channels(getComputedStyle(at).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return channels(getComputedStyle(document.documentElement).backgroundColor);
}

function isTextInSight(element) {
  const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const box = element.getBoundingClientRect();
  return own && box.width > 1 && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
}

return [...document.body.querySelectorAll("*")].filter(isTextInSight).flatMap((element) => {
  const style = getComputedStyle(element);
  const [lighter, darker] = [luminance(channels(style.color)), luminance(groundOf(element))].sort((a, b) => b - a);
  const contrast = (lighter + 0.05) / (darker + 0.05);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  return contrast < (large ? 3 : 4.5) ? [`${element.textContent.trim()}: ${contrast.toFixed(2)}`] : [];
});
