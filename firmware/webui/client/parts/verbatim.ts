/** Of inputs that take names, addresses and codes, letter by letter: nothing is offered, corrected or begun with a capital. */
export const verbatim = { autoComplete: 'off', autoCapitalize: 'none', spellcheck: false } as const;
