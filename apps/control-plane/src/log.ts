import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

/** JSON lines; on a terminal, lines that people read. */
export function createLogger(level: string): Logger {
  if (!process.stdout.isTTY) return pino({ level, base: null });
  const write = (line: string): void => void process.stdout.write(humanLine(line));
  return pino({ level, base: null }, { write });
}

const levels: Record<number, string> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };

function humanLine(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown> & { err?: { stack?: string } };
  const at = new Date(Number(time)).toISOString().slice(11, 19);
  const fields = Object.entries(rest).map(([k, v]) => ` ${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`);
  const stack = err?.stack ? `\n${err.stack}` : '';
  return `${at} ${levels[Number(level)] ?? String(level)} ${String(msg ?? '')}${fields.join('')}${stack}\n`;
}

/** Nest's own messages: its chatter about modules is debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}
  log = (message: unknown): void => this.logger.debug(String(message));
  debug = this.log;
  verbose = this.log;
  warn = (message: unknown): void => this.logger.warn(String(message));
  error = (message: unknown, ...rest: unknown[]): void => this.logger.error({ rest }, String(message));
  fatal = this.error;
}
