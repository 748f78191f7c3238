/** One of a few things to show, as radio buttons side by side. */
import { useId } from 'preact/hooks';

interface TabsProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [value: string, label: string])[];
  readonly onChange: (value: string) => void;
}

export function Tabs({ label, value, choices, onChange }: TabsProps) {
  const name = useId();
  return (
    <fieldset class="tabs">
      <legend>{label}</legend>
      {choices.map(([one, text]) => (
        <label key={one}>
          <input type="radio" name={name} value={one} checked={one === value} onChange={() => onChange(one)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
