import type { SerialLine } from '../netd/system-port.ts';

/** What cellular modems take AT commands at; those on USB take any rate. */
const baudRate = 115_200;

/**
 * Opens a serial device below /dev for texts, alone. Null where there is none or it cannot be had. Its end, also by
 * being pulled out, is told once; what `close` ends is not.
 */
export async function openSerialLine(
  device: string,
  { onText, onClose }: { readonly onText: (text: string) => void; readonly onClose: () => void },
): Promise<SerialLine | null> {
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ path: `/dev/${device}`, baudRate, autoOpen: false });
  const opened = await new Promise<boolean>((resolve) => port.open((error) => resolve(error === null)));
  if (!opened) return null;
  let wanted = true;
  // Characters above 7 bits mean nothing in AT commands, and must not join two octets.
  port.on('data', (octets: Buffer) => onText(octets.toString('latin1')));
  // An error closes the port, or the next write does.
  port.on('error', () => {});
  port.once('close', () => {
    if (wanted) onClose();
  });
  return {
    write: (text) => void port.write(text),
    close: async () => {
      wanted = false;
      if (port.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
    },
  };
}
