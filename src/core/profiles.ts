/** The profiles that every client has without anybody creating them. */
export const STANDARD_PROFILES: readonly { profile_id: string; display_name: string; description: string }[] = [
  { profile_id: 'default', display_name: 'Default', description: 'What is used when nothing else is said.' },
  { profile_id: 'dev', display_name: 'Development', description: 'For trying things out.' },
  { profile_id: 'staging', display_name: 'Staging', description: 'For what is about to go to production.' },
  { profile_id: 'prod', display_name: 'Production', description: 'For what everybody relies on.' },
];
