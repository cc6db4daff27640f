/** For tests: the process ends itself with SIGKILL at a named point of the update, as a power cut would end it. */
export function killPoint(at: string | null, point: string): void {
  if (at === point) process.kill(process.pid, 'SIGKILL');
}
