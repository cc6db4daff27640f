import type { UpdateState } from '@verge/contracts';

/** What a status report says about one update. */
export interface ReportedUpdate {
  readonly updateState: UpdateState;
  readonly activeDigest: string | null;
  readonly targetDigest: string | null;
  readonly rolloutId: string | null;
}

export type ReportedEvent = 'begin' | 'activate' | 'fail';

/** What a device was offered, and how far it had got. */
export interface OfferedUpdate {
  readonly id: string;
  readonly manifestDigest: string;
  /** What its reports said last. */
  readonly event: ReportedEvent | null;
  /** Whether the device is still asked to run it, and the report answers to just that wish. */
  readonly current: boolean;
}

/**
 * What a report means for a device in a rollout; null when it speaks of something else. A device may pass through
 * `failed` and be idle again before anybody looks, so each report is judged when it arrives and the answer is kept.
 */
export function eventOfReport(report: ReportedUpdate, rollout: OfferedUpdate): ReportedEvent | null {
  const runs = report.activeDigest === rollout.manifestDigest;
  const settled = report.updateState === 'idle' || report.updateState === 'committed';
  if (runs && settled) return 'activate';
  if (fellBack(report, rollout)) return 'fail';
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

/** It ran the new version, is still asked to, and has come to rest on something else: it went back by itself. */
export function fellBack(report: ReportedUpdate, rollout: OfferedUpdate): boolean {
  const rests = report.updateState === 'idle' || report.updateState === 'committed' || report.updateState === 'failed';
  return rests && rollout.event === 'activate' && rollout.current && report.activeDigest !== rollout.manifestDigest;
}
