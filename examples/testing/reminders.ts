// npm run build && node --test dist-examples/testing/reminders.test.js
/** What `reminders.test.ts` tests: an actor that reminds people by mail when it is time, and by message at once. */
import { actor, ask, protocol, refOf, registry, resource, tell } from 'troupe';
import * as z from 'zod';

/** Whoever wants to know that somebody was reminded. */
export const Desk = protocol('desk', {
  reminded: tell(z.object({ whom: z.string() })),
  mayWrite: ask({ input: z.object({ to: z.string() }), output: z.boolean() }),
});

export const Reminders = protocol('reminders', {
  remind: tell(z.object({ whom: z.string(), afterMs: z.int() })),
  open: ask({ output: z.int() }),
});

interface Mailer {
  send(to: string, text: string): Promise<void>;
}

export const mailer = resource('mailer', {
  open: (): Mailer => ({ send: (to) => Promise.reject(new Error(`no mail goes to ${to} from an example`)) }),
});

export const reminders = actor(
  Reminders,
  {
    args: z.object({ desk: refOf(Desk) }),
    state: ({ desk }) => ({ desk, open: 0 }),
    internal: { due: tell(z.object({ whom: z.string() })) },
    uses: [mailer],
    supervise: { restartsMax: 0 },
  },
  {
    remind: (state, { whom, afterMs }, context) => {
      state.open += 1;
      context.after(afterMs, context.self.due, { whom });
    },
    open: (state) => state.open,
    due: async (state, { whom }, context) => {
      if (await state.desk.mayWrite({ to: whom })) await context.use(mailer).send(whom, 'It is time.');
      state.open -= 1;
      state.desk.reminded({ whom });
    },
  },
);

export default registry(reminders, mailer);
