package jsontext

import "maps"

// MergePatch returns target changed by patch as RFC 7396 says: a member that is null is removed, an object is merged,
// and anything else takes the place of what is there. Neither tree is changed; the result may share parts with both.
func MergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, _ := target.(map[string]any)
	result := make(map[string]any, len(object)+len(changes))
	maps.Copy(result, object)
	for key, change := range changes {
		if change == nil {
			delete(result, key)
			continue
		}
		result[key] = MergePatch(result[key], change)
	}
	return result
}
