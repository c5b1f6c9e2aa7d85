// npm run example:scrape
/** Finds in a page what is wanted of it. */
import { threadId } from 'node:worker_threads';
import { Parser } from 'htmlparser2';
import type { Answer, Page } from './target.ts';

export function parse({ body, ...answer }: Answer): Page {
  const links: string[] = [];
  let [title, priceText] = ['', ''];
  let within: 'title' | 'price' | undefined;
  const parser = new Parser({
    onopentag(name, { href, class: className }) {
      within = name === 'title' ? 'title' : className === 'price' ? 'price' : undefined;
      if (name === 'a' && href !== undefined) links.push(new URL(href, answer.url).href);
    },
    ontext(text) {
      if (within === 'title') title += text;
      else if (within === 'price') priceText += text;
    },
    onclosetag() {
      within = undefined;
    },
  });
  parser.end(body);
  const price = /\d+(\.\d+)?/.exec(priceText)?.[0];
  return { ...answer, title, price: price === undefined ? null : Number(price), links, thread: threadId };
}
