/** What a program wrote to its standard error, without the stalls that a busy machine adds. */
export function withoutStalls(stderr: string): string {
  return stderr.replace(/^\{.*"kind":"(?:handler|messages|outside|held|starving)",.*"durationMs":.*\}\n/gm, '');
}
