package conn

// Validate says what is wrong with cfg, with the error that Dial, Accept and
// Upgrade would return before they touch the network. Nil is right.
func (cfg *Config) Validate() error {
	_, err := cfg.check()
	return err
}
