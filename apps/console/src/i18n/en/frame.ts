/** Words of the frame: navigation, states, problems, login. */
export const common = {
  loading: 'Loading',
  retry: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  clear: 'Clear',
  save: 'Save',
  done: 'Done',
  from: 'From',
  to: 'To',
  size: 'Size',
  state: 'State',
  digest: 'Digest',
  created: 'Created',
  actions: 'Actions',
  copied: 'Copied',
  copyCommand: 'Copy command',
  copyValue: 'Copy {{value}}',
  shownOf: 'Showing {{shown}} of {{total}}',
  more_one: 'and {{count}} more',
  more_other: 'and {{count}} more',
  moreToSearch_one: 'and {{n}} more: type to search',
  moreToSearch_other: 'and {{n}} more: type to search',
  all: 'Show all {{total}}',
  loadMore: 'Load more',
  shownAll_one: '{{count}} entry',
  shownAll_other: '{{count}} entries',
  nothingFits: 'Nothing matches these filters',
  nothingFitsHint: 'Widen the filters or clear them.',
  slugExpected: 'Use 1-63 lower-case letters, digits, dots or dashes',
};

export const shell = {
  skip: 'Skip to the content',
  menu: 'Open or close the navigation',
  navigation: 'Pages',
  project: 'Project {{name}}, switch project',
  projects: 'Projects',
  searchProjects: 'Search projects',
  current: 'current',
  language: 'Language',
  scheme: 'Colour scheme',
  schemes: { light: 'Light', dark: 'Dark', auto: 'As the system' },
  account: 'Account of {{name}}',
  shortcuts: 'Keyboard shortcuts',
  focusSearch: 'Go to the search of the page',
  apiReference: 'REST API reference',
  logout: 'Log out',
  feed: {
    live: 'Live',
    liveHint: 'Changes appear as they happen',
    connecting: 'Connecting',
    connectingHint: 'Connecting to the live feed',
    stale: 'Stale since {{time}}',
    staleHint:
      'Nothing was heard from the control plane since then. It is being connected again by itself; then everything on the page is read anew.',
    refused: 'Not live',
    refusedHint: 'The control plane does not tell you what happens in this project',
  },
};

export const nav = {
  section: { watch: 'Watch', build: 'Build', ship: 'Ship', govern: 'Govern' },
  overview: 'Overview',
  telemetry: 'Telemetry',
  datasets: 'Data sets',
  trainings: 'Trainings',
  models: 'Models',
  recipes: 'Recipes',
  compressions: 'Compressions',
  releases: 'Releases',
  rollouts: 'Rollouts',
  devices: 'Devices',
  groups: 'Groups',
  jobs: 'Jobs',
  workers: 'Workers',
  audit: 'Audit',
  members: 'Members',
  users: 'Users',
  storage: 'Storage',
};

export const role = { viewer: 'Viewer', operator: 'Operator', admin: 'Administrator' };

export const state = {
  job: {
    queued: 'Queued',
    running: 'Running',
    cancelling: 'Cancelling',
    succeeded: 'Succeeded',
    failed: 'Failed',
    cancelled: 'Cancelled',
  },
  worker: { online: 'Online', lost: 'Lost', left: 'Left' },
  rollout: {
    running: 'Running',
    paused: 'Paused',
    reverting: 'Reverting',
    succeeded: 'Succeeded',
    reverted: 'Reverted',
    cancelled: 'Cancelled',
  },
  rolloutDevice: {
    waiting: 'Waiting',
    offered: 'Offered',
    pending: 'Pending',
    updating: 'Updating',
    stalled: 'Stalled',
    updated: 'Updated',
    failed: 'Failed',
    reverting: 'Reverting',
    reverted: 'Reverted',
    skipped: 'Skipped',
  },
  wave: { waiting: 'Waiting', active: 'Active', passed: 'Passed', failed: 'Failed', unreached: 'Not reached' },
  update: {
    idle: 'Idle',
    checking: 'Checking',
    downloading: 'Downloading',
    installing: 'Installing',
    'self-testing': 'Self-testing',
    activating: 'Activating',
    committed: 'Committed',
    reverting: 'Reverting',
    failed: 'Failed',
  },
};

export const problem = {
  VALIDATION_FAILED: 'Some fields are not as expected',
  MALFORMED_BODY: 'The request could not be read',
  BODY_TOO_LARGE: 'The request is too large',
  UNSUPPORTED_MEDIA_TYPE: 'This media type is not supported',
  UNAUTHENTICATED: 'You are not logged in',
  FORBIDDEN: 'Your role does not allow this',
  NOT_FOUND: 'There is no such thing here',
  CONFLICT: 'This conflicts with what exists',
  IN_USE: 'It is still in use',
  METHOD_NOT_ALLOWED: 'This address does not take such requests',
  RANGE_NOT_SATISFIABLE: 'The range lies outside of the file',
  PRECONDITION_FAILED: 'Somebody changed it meanwhile: open it again and make the change from there',
  REQUEST_IN_PROGRESS: 'The same request is under way, or broke off: look whether it was carried out',
  IDEMPOTENCY_KEY_REUSED: 'The key of this request was used for another one',
  STATE_CONFLICT: 'The present state does not allow this',
  DIGEST_MISMATCH: 'The digest does not match the content',
  RELEASE_REFUSED: 'The release was refused',
  RATE_LIMITED: 'Too many requests; wait a moment',
  UNAVAILABLE: 'The service is not available at the moment',
  INTERNAL: 'The control plane had an internal error',
  UNREACHABLE: 'The control plane cannot be reached',
  UNEXPECTED_RESPONSE: 'The control plane answered something unexpected',
  PAGE_NOT_LOADED: 'This page could not be loaded',
  UNKNOWN: 'Something went wrong on this page',
};

export const login = {
  title: 'Log in to Verge',
  tagline: 'Models from the data to the edge and back',
  email: 'E-mail',
  password: 'Password',
  showPassword: 'Show or hide the password',
  submit: 'Log in',
  failed: 'The login did not succeed',
  expired: 'Your session has ended. Log in to go on where you were.',
  other: 'Another account',
  hint: 'The first administrator is created when the control plane starts for the first time.',
};

export const home = {
  noProject: 'You do not belong to a project yet',
  noProjectHint: 'Ask an administrator to add you to one.',
};

export const notFound = {
  title: 'Page not found',
  hint: 'There is no page at {{path}}.',
  home: 'Go to the overview',
};

export const missing = {
  title: 'Not found',
  hint: 'There is no {{id}} in this project. It may have been deleted, or the address is wrong.',
  project: 'There is no project {{id}}, or you are not a member of it.',
};

export const unsaved = {
  title: 'Discard what you typed?',
  hint: 'It has not been saved.',
  keep: 'Go on editing',
  discard: 'Discard',
};

export const editor = {
  hint: 'YAML or JSON',
  valid: 'All fields are valid',
  faults_one: '{{count}} field is not as expected:',
  faults_other: '{{count}} fields are not as expected:',
  line: 'line {{line}}:',
};

export const chart = { empty: 'No data in this window' };

export const work = {
  progress: 'Progress',
  epochOf: 'epoch {{epoch}}/{{epochs}}',
  took: '{{time}}',
  time: 'Time',
  by: 'By',
  started: 'Started',
  finished: 'Finished',
  failed: 'Why it failed',
  attempt_one: '{{count}} attempt',
  attempt_other: '{{count}} attempts',
  cancel: 'Cancel the job',
  cancelTitle: 'Cancel {{name}}?',
};

export const measure = {
  accuracy: 'Accuracy',
  quality: 'Quality',
  notMeasured: 'not measured',
  metric: {
    accuracy: 'Accuracy',
    top5: 'Top-5 accuracy',
    macroF1: 'Mean F1',
    auc: 'Area under the ROC curve',
    rmse: 'Root mean square error',
    mae: 'Mean absolute error',
    r2: 'R²',
    mIoU: 'Mean IoU',
    labelErrorRate: 'Label error rate',
  },
  testAccuracy: 'Test accuracy',
  testQuality: 'Quality (test)',
  valAccuracy: 'Validation accuracy',
  bytes: 'Size',
  parameters: 'Parameters',
  macs: 'MACs',
  p50: 'Latency p50',
  p50Ms: 'Latency p50',
  p95Ms: 'Latency p95',
  peakMemory: 'Peak memory',
  peakRssBytes: 'Peak memory',
  samples_one: 'on {{count}} sample',
  samples_other: 'on {{count}} samples',
  macsNote: '{{macs}} MACs a sample',
  p95Note: 'p95 {{p95}}',
};
