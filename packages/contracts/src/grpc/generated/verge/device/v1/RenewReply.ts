// Original file: proto/device.proto


export interface RenewReply {
  'certificateChainPem'?: (string);
  'enrollmentEndpoint'?: (string);
}

export interface RenewReply__Output {
  'certificateChainPem': (string);
  'enrollmentEndpoint': (string);
}
