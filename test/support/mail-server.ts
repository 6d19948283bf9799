/** A mail server on loopback that takes mails and keeps them as they came; what it refuses, the test says. */
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Head and body, lines ended by CRLF, without the dots that the protocol adds. */
  readonly text: string;
}

/** How its way is protected: as of the first byte, when STARTTLS is asked for, or not; and with what. */
export interface MailTls {
  readonly how: 'tls' | 'starttls';
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** The answer to a whole mail; undefined: none, the connection is cut. */
  answer: string | undefined = '250 kept';
  /** Names and passwords that were given. */
  readonly signedIn: string[] = [];
  /** What was said in the clear, a line each. */
  readonly overheard: string[] = [];
  readonly #tls: MailTls | undefined;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(protection?: MailTls) {
    this.#tls = protection;
    this.#server =
      protection?.how === 'tls'
        ? tls.createServer(protection, socket => this.#serve(socket, true))
        : net.createServer(socket => this.#serve(socket, false));
  }

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: net.Socket, isSecret: boolean, greets = true): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const offers = this.#tls?.how === 'starttls' && !isSecret;
    let [from, to, data, waiting] = ['', [] as string[], undefined as string[] | undefined, ''];
    const say = (line: string) => socket.write(`${line}\r\n`);
    const command = (line: string) => {
      const [verb = ''] = line.toUpperCase().split(/[ :]/);
      if (verb === 'MAIL') from = /<(.*?)>/.exec(line)![1]!;
      if (verb === 'RCPT') to.push(/<(.*?)>/.exec(line)![1]!);
      if (verb === 'DATA') {
        data = [];
        return say('354 go on');
      }
      if (verb === 'QUIT') return socket.end('221 bye\r\n');
      if (verb === 'STARTTLS') {
        if (!offers) return say('502 not here');
        say('220 go on');
        socket.removeAllListeners('data');
        this.#serve(new tls.TLSSocket(socket, { isServer: true, ...this.#tls }), true, false);
        return true;
      }
      if (verb === 'AUTH') {
        this.signedIn.push(Buffer.from(line.split(' ')[2]!, 'base64').toString().split('\0').slice(1).join(' '));
        return say('235 welcome');
      }
      return say(verb === 'EHLO' ? `250-test\r\n${offers ? '250-STARTTLS\r\n' : ''}250 AUTH PLAIN` : '250 ok');
    };
    const line = (text: string) => {
      if (data === undefined) return void command(text);
      if (text !== '.') return void data.push(text.replace(/^\./, ''));
      this.mails.push({ from, to, text: data.join('\r\n') });
      [from, to, data] = ['', [], undefined];
      if (this.answer === undefined) socket.destroy();
      else say(this.answer);
    };
    if (greets) say('220 test');
    socket.on('data', piece => {
      waiting += piece.toString('latin1');
      for (let end = waiting.indexOf('\r\n'); end !== -1; end = waiting.indexOf('\r\n')) {
        const text = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        if (!isSecret) this.overheard.push(text);
        line(text);
      }
    });
  }
}
