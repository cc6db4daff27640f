/** Changes of the state that several turns of the update share. */
import type { SlotName } from '../layout.js';
import { activeDigest, type AgentState } from './state.js';

/** The same target under the newest generation. */
export function adopt(state: AgentState): AgentState {
  const { generation, target } = state.desired;
  const known = [state.update.target?.manifestDigest, activeDigest(state)];
  const same = target !== null && known.includes(target.manifestDigest);
  return { ...state, update: { ...state.update, generation, ...(same && { target }) } };
}

/** What an update that is over has put into its slot is not to be believed. */
export function clearSlot(state: AgentState): AgentState {
  const { slot } = state.update;
  return slot === null || slot === state.active ? state : { ...state, slots: { ...state.slots, [slot]: null } };
}

/** Before the spare slot is overwritten, unless it holds the target already. */
export function clearSpare(state: AgentState): AgentState {
  const spare: SlotName = state.active === 'a' ? 'b' : 'a';
  if (state.slots[spare] === null || state.slots[spare] === state.update.target?.manifestDigest) return state;
  return { ...state, slots: { ...state.slots, [spare]: null } };
}
