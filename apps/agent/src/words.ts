/** Numbers as they are typed. */
import { InvalidArgumentError } from 'commander';

export function port(text: string): number {
  if (/^[0-9]+$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('expected a port from 0 to 65535');
}

export function count(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number');
}

export function threads(text: string): number {
  if (/^[0-9]{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 256) return Number(text);
  throw new InvalidArgumentError('expected a number of threads from 1 to 256');
}
