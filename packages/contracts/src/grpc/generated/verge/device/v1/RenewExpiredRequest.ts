// Original file: proto/device.proto


export interface RenewExpiredRequest {
  'certificateDer'?: (Buffer | Uint8Array | string);
  'csrDer'?: (Buffer | Uint8Array | string);
}

export interface RenewExpiredRequest__Output {
  'certificateDer': (Buffer);
  'csrDer': (Buffer);
}
