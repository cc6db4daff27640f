import { multistream, pino, type Logger } from 'pino';
import { prettyLine } from './pretty.js';
import { logPath, RotatingFile } from './rotating-file.js';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** JSON lines in a rotating file; also on standard error, for people where it is a terminal. */
export function createLogger(folder: string, level: string): Logger {
  const file = new RotatingFile(logPath(folder));
  const terminal = process.stderr.isTTY;
  const console = {
    write: (line: string) => void process.stderr.write(terminal ? `${prettyLine(line.trimEnd(), true)}\n` : line),
  };
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.epochTime },
    multistream([
      { level: 'trace', stream: file },
      { level: 'trace', stream: console },
    ]),
  );
}
