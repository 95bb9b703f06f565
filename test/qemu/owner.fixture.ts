// Run by crash.program.test.ts: owns a process and a folder, says which, and waits to be killed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBound } from '../../qemu/bound-process.ts';
import { ScratchFolder } from '../../qemu/scratch.ts';

const scratch = new ScratchFolder(process.argv[2]);
writeFileSync(join(scratch.path, 'disk'), 'something');
const { child } = startBound('sleep', 'coreutils', ['600'], 'ignore');
console.log(JSON.stringify({ folder: scratch.path, pid: child.pid }));
setInterval(() => {}, 60_000);
