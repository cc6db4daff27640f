/**
 * Replaces the certificate after two thirds of its life, or after its end when the device was off. The new key and its
 * certificate take the old ones' place together.
 */
import {
  renewal,
  renewalTime,
  checkDeviceCertificate,
  createDeviceRequest,
  readDeviceIdentity,
} from '@verge/trust/identity';
import { backoffMs } from '../backoff.js';
import { AgentError, reasonOf } from '../errors.js';
import { derOf, publicKeysMatch } from '../enrollment/pem.js';
import { renewExpired } from '../enrollment/renew-expired.js';
import { saveIdentity, type Identity } from '../identity.js';
import type { Log } from '../log/logger.js';
import type { Connection } from './connection.js';

/** setTimeout takes 31 bits of milliseconds; looking once an hour also bridges a clock that jumps. */
const longestWaitMs = 60 * 60 * 1000;

export interface RenewerOptions {
  identity: Identity;
  path: string;
  connection: Connection;
  onRenewed: (identity: Identity) => void;
  log: Log;
}

export class Renewer {
  private identity: Identity;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private stopped = false;

  constructor(private readonly options: RenewerOptions) {
    this.identity = options.identity;
  }

  start(): void {
    this.look().catch((error: unknown) => {
      this.options.log.error({ err: reasonOf(error) }, 'the certificate could not be looked at; trying again');
      this.startIn(500 + backoffMs(this.failures++, Math.random()));
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const certificate = readDeviceIdentity(this.identity.certificateChainPem);
    const due = renewal(certificate, new Date());
    let waitMs = Math.min(longestWaitMs, Math.max(0, renewalTime(certificate).getTime() - Date.now()));
    if (due !== 'not-yet') {
      try {
        await (due === 'expired' ? this.renewExpired(certificate.notAfter) : this.renew());
        this.failures = 0;
        waitMs = 1000;
      } catch (error) {
        this.options.log.warn({ err: reasonOf(error) }, 'the certificate was not renewed; trying again');
        // What was refused is refused again, until a person has helped.
        const refused = error instanceof AgentError && error.code === 'ENROLLMENT_REFUSED';
        waitMs = refused ? longestWaitMs : 500 + backoffMs(this.failures++, Math.random());
      }
    }
    if (this.stopped) return;
    this.startIn(waitMs);
  }

  private startIn(ms: number): void {
    this.timer = setTimeout(() => this.start(), ms);
    this.timer.unref();
  }

  private async renew(): Promise<void> {
    const { privateKeyPem, csrPem } = await createDeviceRequest({ commonName: this.identity.deviceId });
    await this.take(privateKeyPem, await this.options.connection.renewCertificate(derOf(csrPem)));
  }

  /** The device was off for too long: the same key, over the enrolment port. What runs goes on meanwhile. */
  private async renewExpired(notAfter: Date): Promise<void> {
    this.options.log.warn({ notAfter }, 'the certificate has expired; asking for another with the same key');
    await this.take(this.identity.privateKeyPem, await renewExpired(this.identity));
  }

  private async take(
    privateKeyPem: string,
    { certificateChainPem, enrollmentEndpoint }: { certificateChainPem: string; enrollmentEndpoint: string },
  ): Promise<void> {
    const { path, onRenewed, log } = this.options;
    const named = await checkDeviceCertificate({
      certificate: certificateChainPem,
      authorityPem: this.identity.authorityPem,
    });
    if (named.deviceId !== this.identity.deviceId || !publicKeysMatch(certificateChainPem, privateKeyPem)) {
      throw new AgentError('ENROLLMENT_REFUSED', 'the renewed certificate is for another device or key');
    }
    const moved = enrollmentEndpoint === '' ? {} : { enrollmentEndpoint };
    this.identity = { ...this.identity, privateKeyPem, certificateChainPem, ...moved };
    await saveIdentity(path, this.identity);
    log.info({ notAfter: named.notAfter }, 'certificate renewed');
    onRenewed(this.identity);
  }
}
