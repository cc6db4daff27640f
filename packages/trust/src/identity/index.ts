export { TrustError } from '../errors.js';
export type { TrustErrorCode } from '../errors.js';
export { createAuthority, issueServerCertificate } from './authority.js';
export type { Authority, AuthorityOptions, IssuedCertificate, ServerCertificateOptions } from './authority.js';
export { certificateFingerprint } from './certificate.js';
export type { CertificateInput } from './certificate.js';
export {
  certificateKeyFingerprint,
  checkDeviceCertificate,
  createDeviceRequest,
  deviceUri,
  issueDeviceCertificate,
  readDeviceIdentity,
  requestKeyFingerprint,
} from './device.js';
export type { DeviceCertificate, DeviceCertificateOptions, DeviceIdentity, DeviceRequest } from './device.js';
export { renewal, renewalTime } from './renewal.js';
export type { Renewal } from './renewal.js';
