/** Why a client is closed, typed. */
import { TroupeError } from '../base/errors.ts';

/** The client is closed for good: calls that were open have settled, and it says nothing more. */
export class ClientClosed extends TroupeError<'ClientClosed'> {
  /**
   * `closed`: by `close()`. `refused`: the server does not take its token. `version`: the server speaks another protocol.
   * `untrusted`: the certificate of the server was not accepted by Node before there was any link; a browser does not tell
   * that, and a client that was linked before tries on, since certificates are replaced.
   */
  readonly reason: 'closed' | 'refused' | 'version' | 'untrusted';

  constructor(reason: ClientClosed['reason'], message: string) {
    super('ClientClosed', message);
    this.reason = reason;
  }
}
