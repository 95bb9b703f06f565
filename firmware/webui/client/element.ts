/** What the build puts for each element of JSX (see image-builder/client.ts). */
export { createElement as h, Fragment } from 'preact';
