/** Work that holds a core: the Fibonacci number by its definition. */
export function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** As piscina calls it: a module with a default export. */
export default fib;
