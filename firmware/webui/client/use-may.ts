import type { Access } from '../access.ts';
import { useSession } from './session-state.ts';

/** Whether who is signed in may do what needs this access; the box checks it once more. */
export function useMay(access: Access): boolean {
  const { state } = useSession();
  return state.kind === 'user' && state.session.access.includes(access);
}
