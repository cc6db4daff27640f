import type { Catalogue } from '../en/index.js';

export const common: Catalogue['common'] = {
  loading: '加载中',
  retry: '重试',
  cancel: '取消',
  close: '关闭',
  clear: '清除',
  save: '保存',
  done: '完成',
  from: '起始时间',
  to: '结束时间',
  size: '大小',
  state: '状态',
  digest: '摘要',
  created: '创建时间',
  actions: '操作',
  copied: '已复制',
  copyCommand: '复制命令',
  copyValue: '复制 {{value}}',
  shownOf: '显示 {{shown}} / 共 {{total}} 条',
  more_one: '还有 {{count}} 项',
  more_other: '还有 {{count}} 项',
  moreToSearch_one: '还有 {{n}} 项：输入以搜索',
  moreToSearch_other: '还有 {{n}} 项：输入以搜索',
  all: '查看全部 {{total}} 项',
  loadMore: '加载更多',
  shownAll_one: '共 {{count}} 条',
  shownAll_other: '共 {{count}} 条',
  nothingFits: '没有符合筛选条件的内容',
  nothingFitsHint: '请放宽或清除筛选条件。',
  slugExpected: '请使用 1–63 个小写字母、数字、点或连字符',
};

export const shell: Catalogue['shell'] = {
  skip: '跳到正文',
  menu: '展开或收起导航',
  navigation: '页面导航',
  project: '当前项目 {{name}}，切换项目',
  projects: '项目',
  searchProjects: '搜索项目',
  current: '当前',
  language: '语言',
  scheme: '配色',
  schemes: { light: '浅色', dark: '深色', auto: '跟随系统' },
  account: '{{name}} 的账户',
  shortcuts: '键盘快捷键',
  focusSearch: '定位到页面搜索框',
  apiReference: 'REST API 参考',
  logout: '退出登录',
  feed: {
    live: '实时',
    liveHint: '变更会即时显示',
    connecting: '连接中',
    connectingHint: '正在连接实时数据流',
    stale: '数据停留在 {{time}}',
    staleHint: '此后未收到控制平面的任何消息。页面会自动重新连接，随后重新读取全部内容。',
    refused: '非实时',
    refusedHint: '控制平面不向您推送此项目的变更',
  },
};

export const nav: Catalogue['nav'] = {
  section: { watch: '观测', build: '构建', ship: '交付', govern: '治理' },
  overview: '总览',
  telemetry: '遥测',
  datasets: '数据集',
  trainings: '训练',
  models: '模型',
  recipes: '压缩方案',
  compressions: '压缩',
  releases: '发布包',
  rollouts: '部署',
  devices: '设备',
  groups: '设备组',
  jobs: '任务',
  workers: '工作节点',
  audit: '审计',
  members: '成员',
  users: '用户',
  storage: '存储',
};

export const role: Catalogue['role'] = { viewer: '只读成员', operator: '运维人员', admin: '管理员' };

export const state: Catalogue['state'] = {
  job: {
    queued: '排队中',
    running: '运行中',
    cancelling: '正在取消',
    succeeded: '成功',
    failed: '失败',
    cancelled: '已取消',
  },
  worker: { online: '在线', lost: '失联', left: '已离开' },
  rollout: {
    running: '进行中',
    paused: '已暂停',
    reverting: '回退中',
    succeeded: '成功',
    reverted: '已回退',
    cancelled: '已取消',
  },
  rolloutDevice: {
    waiting: '等待中',
    offered: '已下发',
    pending: '未联系上',
    updating: '更新中',
    stalled: '无进展',
    updated: '已更新',
    failed: '失败',
    reverting: '回退中',
    reverted: '已回退',
    skipped: '已跳过',
  },
  wave: { waiting: '等待中', active: '进行中', passed: '已通过', failed: '未通过', unreached: '未联系上' },
  update: {
    idle: '空闲',
    checking: '校验中',
    downloading: '下载中',
    installing: '安装中',
    'self-testing': '自检中',
    activating: '激活中',
    committed: '已生效',
    reverting: '回退中',
    failed: '失败',
  },
};

export const problem: Catalogue['problem'] = {
  VALIDATION_FAILED: '部分字段不符合要求',
  MALFORMED_BODY: '无法解析请求内容',
  BODY_TOO_LARGE: '请求内容过大',
  UNSUPPORTED_MEDIA_TYPE: '不支持该媒体类型',
  UNAUTHENTICATED: '尚未登录',
  FORBIDDEN: '当前角色无权执行此操作',
  NOT_FOUND: '未找到所请求的内容',
  CONFLICT: '与已有内容冲突',
  IN_USE: '仍在使用中',
  METHOD_NOT_ALLOWED: '该地址不支持此类请求',
  RANGE_NOT_SATISFIABLE: '请求的范围超出文件',
  PRECONDITION_FAILED: '其间已被他人修改：请重新打开后再修改',
  REQUEST_IN_PROGRESS: '相同的请求正在处理或已中断：请查看是否已执行',
  IDEMPOTENCY_KEY_REUSED: '该请求的键已用于另一请求',
  STATE_CONFLICT: '当前状态不允许此操作',
  DIGEST_MISMATCH: '摘要与内容不一致',
  RELEASE_REFUSED: '发布包被拒绝',
  RATE_LIMITED: '请求过于频繁，请稍候',
  UNAVAILABLE: '服务暂时不可用',
  INTERNAL: '控制平面内部错误',
  UNREACHABLE: '无法连接控制平面',
  UNEXPECTED_RESPONSE: '控制平面返回了意外的内容',
  PAGE_NOT_LOADED: '无法加载此页面',
  UNKNOWN: '页面出错了',
};

export const login: Catalogue['login'] = {
  title: '登录 Verge',
  tagline: '让模型从数据走向边缘，再从边缘回到数据',
  email: '邮箱',
  password: '密码',
  showPassword: '显示或隐藏密码',
  submit: '登录',
  failed: '登录失败',
  expired: '会话已过期，请重新登录后继续。',
  other: '使用其他账户',
  hint: '控制平面首次启动时会创建第一个管理员账户。',
};

export const home: Catalogue['home'] = {
  noProject: '您还没有加入任何项目',
  noProjectHint: '请联系管理员将您加入项目。',
};

export const notFound: Catalogue['notFound'] = {
  title: '页面不存在',
  hint: '地址 {{path}} 下没有页面。',
  home: '前往总览',
};

export const missing: Catalogue['missing'] = {
  title: '未找到',
  hint: '此项目中没有 {{id}}。它可能已被删除，或者地址有误。',
  project: '没有名为 {{id}} 的项目，或者您不是其成员。',
};

export const unsaved: Catalogue['unsaved'] = {
  title: '放弃已输入的内容？',
  hint: '内容尚未保存。',
  keep: '继续编辑',
  discard: '放弃',
};

export const editor: Catalogue['editor'] = {
  hint: 'YAML 或 JSON',
  valid: '所有字段均有效',
  faults_one: '{{count}} 个字段不符合要求：',
  faults_other: '{{count}} 个字段不符合要求：',
  line: '第 {{line}} 行：',
};

export const chart: Catalogue['chart'] = { empty: '该时间段内没有数据' };

export const work: Catalogue['work'] = {
  progress: '进度',
  epochOf: '第 {{epoch}}/{{epochs}} 轮',
  took: '{{time}}',
  time: '用时',
  by: '操作者',
  started: '开始时间',
  finished: '结束时间',
  failed: '失败原因',
  attempt_one: '第 {{count}} 次尝试',
  attempt_other: '第 {{count}} 次尝试',
  cancel: '取消任务',
  cancelTitle: '取消 {{name}}？',
};

export const measure: Catalogue['measure'] = {
  accuracy: '准确率',
  quality: '质量',
  notMeasured: '未测量',
  metric: {
    accuracy: '准确率',
    top5: '前 5 准确率',
    macroF1: '平均 F1',
    auc: 'ROC 曲线下面积',
    rmse: '均方根误差',
    mae: '平均绝对误差',
    r2: 'R²',
    mIoU: '平均交并比',
    labelErrorRate: '标签错误率',
  },
  testAccuracy: '测试准确率',
  testQuality: '质量（测试）',
  valAccuracy: '验证准确率',
  bytes: '大小',
  parameters: '参数量',
  macs: '乘加次数',
  p50: '延迟 p50',
  p50Ms: '延迟 p50',
  p95Ms: '延迟 p95',
  peakMemory: '峰值内存',
  peakRssBytes: '峰值内存',
  samples_one: '{{count}} 个样本',
  samples_other: '{{count}} 个样本',
  macsNote: '每样本乘加 {{macs}} 次',
  p95Note: 'p95 {{p95}}',
};
