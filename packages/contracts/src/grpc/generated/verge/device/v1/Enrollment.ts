// Original file: proto/device.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EnrollReply as _verge_device_v1_EnrollReply, EnrollReply__Output as _verge_device_v1_EnrollReply__Output } from '../../../verge/device/v1/EnrollReply.js';
import type { EnrollRequest as _verge_device_v1_EnrollRequest, EnrollRequest__Output as _verge_device_v1_EnrollRequest__Output } from '../../../verge/device/v1/EnrollRequest.js';
import type { RenewExpiredRequest as _verge_device_v1_RenewExpiredRequest, RenewExpiredRequest__Output as _verge_device_v1_RenewExpiredRequest__Output } from '../../../verge/device/v1/RenewExpiredRequest.js';
import type { RenewReply as _verge_device_v1_RenewReply, RenewReply__Output as _verge_device_v1_RenewReply__Output } from '../../../verge/device/v1/RenewReply.js';

export interface EnrollmentClient extends grpc.Client {
  Enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  Enroll(argument: _verge_device_v1_EnrollRequest, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  enroll(argument: _verge_device_v1_EnrollRequest, callback: grpc.requestCallback<_verge_device_v1_EnrollReply__Output>): grpc.ClientUnaryCall;
  
  RenewExpired(argument: _verge_device_v1_RenewExpiredRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  RenewExpired(argument: _verge_device_v1_RenewExpiredRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  RenewExpired(argument: _verge_device_v1_RenewExpiredRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  RenewExpired(argument: _verge_device_v1_RenewExpiredRequest, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renewExpired(argument: _verge_device_v1_RenewExpiredRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renewExpired(argument: _verge_device_v1_RenewExpiredRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renewExpired(argument: _verge_device_v1_RenewExpiredRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renewExpired(argument: _verge_device_v1_RenewExpiredRequest, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  
}

export interface EnrollmentHandlers extends grpc.UntypedServiceImplementation {
  Enroll: grpc.handleUnaryCall<_verge_device_v1_EnrollRequest__Output, _verge_device_v1_EnrollReply>;
  
  RenewExpired: grpc.handleUnaryCall<_verge_device_v1_RenewExpiredRequest__Output, _verge_device_v1_RenewReply>;
  
}

export interface EnrollmentDefinition extends grpc.ServiceDefinition {
  Enroll: MethodDefinition<_verge_device_v1_EnrollRequest, _verge_device_v1_EnrollReply, _verge_device_v1_EnrollRequest__Output, _verge_device_v1_EnrollReply__Output>
  RenewExpired: MethodDefinition<_verge_device_v1_RenewExpiredRequest, _verge_device_v1_RenewReply, _verge_device_v1_RenewExpiredRequest__Output, _verge_device_v1_RenewReply__Output>
}
