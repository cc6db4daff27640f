import { multistream, pino, type Logger } from 'pino';
import { prettyLine } from './pretty.js';
import { logPath, RotatingFile } from './rotating-file.js';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** On standard error, for people where it is a terminal. */
const console = {
  write: (line: string) =>
    void process.stderr.write(process.stderr.isTTY ? `${prettyLine(line.trimEnd(), true)}\n` : line),
};

const form = (level: string) => ({ level, base: null, timestamp: pino.stdTimeFunctions.epochTime });

/** JSON lines in a rotating file; also on standard error. */
export function createLogger(folder: string, level: string): Logger {
  const file = new RotatingFile(logPath(folder));
  return pino(
    form(level),
    multistream([
      { level: 'trace', stream: file },
      { level: 'trace', stream: console },
    ]),
  );
}

/** On standard error alone. */
export const consoleLogger = (level: string): Logger => pino(form(level), console);
