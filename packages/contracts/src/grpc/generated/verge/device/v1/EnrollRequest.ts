// Original file: proto/device.proto


export interface EnrollRequest {
  'token'?: (string);
  'csrDer'?: (Buffer | Uint8Array | string);
  'name'?: (string);
  'deviceClass'?: (string);
  'facts'?: ({[key: string]: string});
}

export interface EnrollRequest__Output {
  'token': (string);
  'csrDer': (Buffer);
  'name': (string);
  'deviceClass': (string);
  'facts': ({[key: string]: string});
}
