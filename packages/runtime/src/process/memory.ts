import { readFileSync } from 'node:fs';

/**
 * Highest resident set of this process so far, in bytes. On Linux from VmHWM (proc(5)), which begins anew at exec;
 * getrusage's maxrss does not, so a child would report its parent's size at the fork.
 */
export function peakRss(): number {
  if (process.platform === 'linux') {
    const line = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'));
    if (line) return Number(line[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
