// Original file: proto/device.proto


export interface EnrollReply {
  'deviceId'?: (string);
  'projectId'?: (string);
  'name'?: (string);
  'certificateChainPem'?: (string);
  'authorityPem'?: (string);
  'directorRoot'?: (Buffer | Uint8Array | string);
  'deviceEndpoint'?: (string);
}

export interface EnrollReply__Output {
  'deviceId': (string);
  'projectId': (string);
  'name': (string);
  'certificateChainPem': (string);
  'authorityPem': (string);
  'directorRoot': (Buffer);
  'deviceEndpoint': (string);
}
