/** A mail server on loopback that takes mails and keeps them as they came; what it refuses, the test says. */
import net, { type AddressInfo } from 'node:net';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Head and body, lines ended by CRLF, without the dots that the protocol adds. */
  readonly text: string;
}

export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** The answer to a whole mail; 250 unless set. */
  answer = '250 kept';
  /** Names and passwords that were given. */
  readonly signedIn: string[] = [];
  readonly #server = net.createServer(socket => this.#serve(socket));
  readonly #sockets = new Set<net.Socket>();

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
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
      if (verb === 'STARTTLS') return say('502 not here');
      if (verb === 'AUTH') {
        this.signedIn.push(Buffer.from(line.split(' ')[2]!, 'base64').toString().split('\0').slice(1).join(' '));
        return say('235 welcome');
      }
      return say(verb === 'EHLO' ? '250-test\r\n250 AUTH PLAIN' : '250 ok');
    };
    const line = (text: string) => {
      if (data === undefined) return void command(text);
      if (text !== '.') return void data.push(text.replace(/^\./, ''));
      this.mails.push({ from, to, text: data.join('\r\n') });
      [from, to, data] = ['', [], undefined];
      say(this.answer);
    };
    say('220 test');
    socket.on('data', piece => {
      waiting += piece.toString('latin1');
      for (let end = waiting.indexOf('\r\n'); end !== -1; end = waiting.indexOf('\r\n')) {
        const text = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        line(text);
      }
    });
  }
}
