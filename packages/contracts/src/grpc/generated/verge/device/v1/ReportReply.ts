// Original file: proto/device.proto


export interface ReportReply {
}

export interface ReportReply__Output {
}
