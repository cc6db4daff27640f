// Original file: proto/device.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EnrollReply as _verge_device_v1_EnrollReply, EnrollReply__Output as _verge_device_v1_EnrollReply__Output } from '../../../verge/device/v1/EnrollReply.js';
import type { EnrollRequest as _verge_device_v1_EnrollRequest, EnrollRequest__Output as _verge_device_v1_EnrollRequest__Output } from '../../../verge/device/v1/EnrollRequest.js';

export interface EnrollmentClient extends grpc.Client {
  Enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  
}

export interface EnrollmentHandlers extends grpc.UntypedServiceImplementation {
  Enroll: grpc.handleUnaryCall<_verge_device_v1_EnrollRequest__Output, _verge_device_v1_EnrollReply>;
  
}

export interface EnrollmentDefinition extends grpc.ServiceDefinition {
  Enroll: MethodDefinition<_verge_device_v1_EnrollRequest, _verge_device_v1_EnrollReply, _verge_device_v1_EnrollRequest__Output, _verge_device_v1_EnrollReply__Output>
}
