/** When a certificate is to be replaced. */
export type Renewal = 'not-yet' | 'due' | 'expired';

/** The instant after two thirds of the lifetime: a third is left for being offline and for retries. */
export function renewalTime(certificate: { notBefore: Date; notAfter: Date }): Date {
  const { notBefore, notAfter } = certificate;
  return new Date(notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3);
}

/** Pure: whether a device should renew at `now`. TLS refuses an expired one: it is renewed over the enrolment port. */
export function renewal(certificate: { notBefore: Date; notAfter: Date }, now: Date): Renewal {
  if (now > certificate.notAfter) return 'expired';
  return now >= renewalTime(certificate) ? 'due' : 'not-yet';
}
