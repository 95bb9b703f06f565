/** Says what a long task is doing; `step` begins a line that the next one ends. */
export type Progress = (message: string) => void;

/** Progress on standard error with the seconds since the start: standard output belongs to results. */
export function stderrProgress(topic: string): Progress {
  const start = performance.now();
  return (message) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`[${topic}] ${seconds} s  ${message}\n`);
  };
}
