/** Topic on which a rollout that has something new to decide on is announced; the payload is its id. */
export const ROLLOUT_TOPIC = 'rollouts.due';
/** Topic of a rollout whose shown state has changed. */
export const rolloutChangedTopic = (rolloutId: string): string => `rollout:${rolloutId}`;
