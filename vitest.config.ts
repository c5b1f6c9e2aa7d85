import { defineConfig } from 'vitest/config';

// Three workers on two cores: many tests wait for processes, links and clocks.
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 30_000, hookTimeout: 30_000, pool: 'forks', maxWorkers: 3 },
});
