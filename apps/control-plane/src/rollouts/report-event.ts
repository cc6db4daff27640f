import type { UpdateState } from '@verge/contracts';

/** What a status report says about one update. */
export interface ReportedUpdate {
  readonly updateState: UpdateState;
  readonly activeDigest: string | null;
  readonly targetDigest: string | null;
  readonly rolloutId: string | null;
}

export type ReportedEvent = 'begin' | 'activate' | 'fail';

/**
 * What a report means for a device in a rollout; null when it speaks of something else. A device may pass through
 * `failed` and be idle again before anybody looks, so each report is judged when it arrives and the answer is kept.
 */
export function eventOfReport(
  report: ReportedUpdate,
  rollout: { id: string; manifestDigest: string },
): ReportedEvent | null {
  const runs = report.activeDigest === rollout.manifestDigest;
  if (runs && (report.updateState === 'idle' || report.updateState === 'committed')) return 'activate';
  if (report.rolloutId !== rollout.id || report.targetDigest !== rollout.manifestDigest) return null;
  switch (report.updateState) {
    case 'failed':
      return 'fail';
    case 'checking':
    case 'downloading':
    case 'installing':
    case 'self-testing':
    case 'activating':
      return 'begin';
    case 'idle':
    case 'committed':
    case 'reverting':
      return null;
  }
}
