// npm run example:scrape
/** Pages as shops write them: entities, unquoted attributes, list items and paragraphs that nobody closed. */
import { chances, pick } from './chance.ts';

const words = `oak linen copper brass quiet bright folding little grand winter summer lamp chair spade kettle drum
  violin atlas novel saw plane marble robot kite bowl whisk trowel fern "best" fish&amp;chips`.split(/\s+/);

export function htmlOf(seed: number, url: string): string {
  const draw = chances(seed, url);
  const text = (length: number): string => Array.from({ length }, () => pick(words, draw())).join(' ');
  const title = text(3);
  const price = (1 + 200 * draw()).toFixed(2);
  const paragraphs = Array.from({ length: 10 }, () => `<p>${text(60)}`);
  const links = Array.from({ length: 5 + Math.floor(15 * draw()) }, () => {
    return `<li><a href=/item/${Math.floor(100_000 * draw())}>${text(2)}</a>`;
  });
  return `<!doctype html><html lang=en><head><meta charset=utf-8><title>${title} &mdash; ${new URL(url).host}</title>
<style>.price { color: green }</style><script>const quoted = "<h1>" < 1</script></head>
<body><h1>${title}</h1><span class="price">&euro; ${price}</span>
${paragraphs.join('\n')}<ul>${links.join('\n')}</ul></body></html>`;
}
