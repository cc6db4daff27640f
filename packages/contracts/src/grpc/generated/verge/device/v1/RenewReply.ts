// Original file: proto/device.proto


export interface RenewReply {
  'certificateChainPem'?: (string);
}

export interface RenewReply__Output {
  'certificateChainPem': (string);
}
