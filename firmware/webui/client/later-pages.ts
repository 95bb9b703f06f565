/** The pages that no visit begins with, in a file of their own (see load-later.tsx). */
export { Devices } from './pages/devices.tsx';
export { Flows } from './pages/flows.tsx';
export { Network } from './pages/network.tsx';
export { Overlay } from './pages/overlay.tsx';
export { Policy } from './pages/policy.tsx';
export { System } from './pages/system.tsx';
export { Trust } from './pages/trust.tsx';
